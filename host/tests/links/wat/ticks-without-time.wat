;; Exports what time can call, but takes no time.
(component
  (core module $m (func (export "f")))
  (core instance $i (instantiate $m))
  (func $f (canon lift (core func $i "f")))
  (instance $ticks (export "due" (func $f)) (export "at" (func $f)))
  (export "demo:clock/ticks@0.1.1" (instance $ticks)))
