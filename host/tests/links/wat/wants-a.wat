;; Imports a, and is outside of any ring.
(component
  (import "demo:ring/a" (instance (export "turn" (func)))))
