;; A subscriber to the shop's orders that does BODY with each.
(component
  (type $order (record (field "id" u64) (field "user-id" u64) (field "item" string)))
  (core module $m
    (memory (export "memory") 1)
    ;; The text of an order may be anywhere: nobody reads it.
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) i32.const 1024)
    (func (export "placed") (param i64 i64 i32 i32) BODY))
  (core instance $i (instantiate $m))
  (func $placed (param "order" $order)
    (canon lift (core func $i "placed") (memory (core memory $i "memory")) (realloc (core func $i "realloc"))))
  (instance $events (export "order" (type $order)) (export "placed" (func $placed)))
  (export "shop:orders/events@0.1.0" (instance $events)))
