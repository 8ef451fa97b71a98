;; A subscriber to signals whose record has FIELD, which notes none of them.
(component
  (type $signal (record (field "FIELD" u64)))
  (core module $m (func (export "told") (param i64)))
  (core instance $i (instantiate $m))
  (func $told (param "signal" $signal) (canon lift (core func $i "told")))
  (instance $signals (export "signal" (type $signal)) (export "told" (func $told)))
  (export "shop:signals/signals@0.1.0" (instance $signals)))
