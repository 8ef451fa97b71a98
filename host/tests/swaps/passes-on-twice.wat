;; Valid, but wasmparser 0.254 gives up on it: the inner component imports two instances
;; of one type, which passes on a resource that it has from a third.
(component
  (import "wasi:demo/types@0.2.0" (instance $types (export "thing" (type (sub resource)))))
  (alias export $types "thing" (type $thing))
  (import "wasi:demo/one@0.2.0" (instance $one
    (alias outer 1 $thing (type $t))
    (export "thing" (type (eq $t)))))
  (component $inner
    (import "types" (instance $types (export "thing" (type (sub resource)))))
    (alias export $types "thing" (type $thing))
    (type $passes-on (instance (alias outer 1 $thing (type $t)) (export "thing" (type (eq $t)))))
    (import "one" (instance (type $passes-on)))
    (import "two" (instance (type $passes-on))))
  (instance (instantiate $inner
    (with "types" (instance $types)) (with "one" (instance $one)) (with "two" (instance $one)))))
