;; Exports what time can call, and what it cannot.
(component
  (core module $m
    (func (export "due"))
    (func (export "at") (param i64))
    (func (export "for") (param i32 i32)))
  (core instance $i (instantiate $m))
  (func $due (canon lift (core func $i "due")))
  (func $at (param "time" u64) (canon lift (core func $i "at")))
  (func $for (param "shop" u32) (param "day" u32) (canon lift (core func $i "for")))
  (instance $ticks (export "due" (func $due)) (export "at" (func $at)) (export "for" (func $for)))
  (export "demo:clock/ticks@0.1.0" (instance $ticks)))
