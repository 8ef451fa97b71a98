;; Imports an interface of WASI that does not exist.
(component
  (import "wasi:nonsense/x@0.2.0" (instance (export "make" (func)))))
