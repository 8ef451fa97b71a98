;; Emits a signal whose record has FIELD when it is asked over HTTP, and gives no answer.
(component
  (import "wasi:http/types@0.2.0" (instance $types
    (export "incoming-request" (type (sub resource)))
    (export "response-outparam" (type (sub resource)))))
  (alias export $types "incoming-request" (type $request))
  (alias export $types "response-outparam" (type $out))
  (import "shop:signals/signals@0.1.0" (instance $signals
    (type $record (record (field "FIELD" u64)))
    (export "signal" (type $signal (eq $record)))
    (export "told" (func (param "signal" $signal)))))
  (core func $told (canon lower (func $signals "told")))
  (core module $m
    (import "signals" "told" (func $told (param i64)))
    (func (export "handle") (param i32 i32) (call $told (i64.const 7))))
  (core instance $i (instantiate $m
    (with "signals" (instance (export "told" (func $told))))))
  (func $handle (param "request" (own $request)) (param "response-out" (own $out))
    (canon lift (core func $i "handle")))
  (instance $handler (export "handle" (func $handle)))
  (export "wasi:http/incoming-handler@0.2.0" (instance $handler)))
