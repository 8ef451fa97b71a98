;; Exports c and imports a.
(component
  (import "demo:ring/a" (instance (export "turn" (func))))
  (core module $m (func (export "turn")))
  (core instance $i (instantiate $m))
  (func $turn (canon lift (core func $i "turn")))
  (instance $c (export "turn" (func $turn)))
  (export "demo:ring/c" (instance $c)))
