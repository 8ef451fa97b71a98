;; Imports an interface that has no package.
(component
  (import "logger" (instance (export "log" (func (param "line" string))))))
