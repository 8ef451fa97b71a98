;; Imports interfaces that the host has in other versions only.
(component
  (import "wasi:keyvalue/store@0.2.0-draft2" (instance (export "open" (func))))
  (import "wasi:random/random@0.4.0" (instance (export "get-random-u64" (func (result u64))))))
