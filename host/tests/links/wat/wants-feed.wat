;; Imports a plain function.
(component
  (import "demo:feed/feed@1.0.0" (instance
    (export "next" (func (result string))))))
