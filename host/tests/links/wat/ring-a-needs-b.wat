;; Exports a and imports b.
(component
  (import "demo:ring/b" (instance (export "turn" (func))))
  (core module $m (func (export "turn")))
  (core instance $i (instantiate $m))
  (func $turn (canon lift (core func $i "turn")))
  (instance $a (export "turn" (func $turn)))
  (export "demo:ring/a" (instance $a)))
