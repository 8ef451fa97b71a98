;; Imports two instances of one type, which passes on a resource that a third has. It
;; runs, but wasmparser 0.258 gives up on whatever instantiates it.
(component
  (import "wasi:io/poll@0.2.0" (instance $poll (export "pollable" (type (sub resource)))))
  (alias export $poll "pollable" (type $pollable))
  (type $passes-on (instance (alias outer 1 $pollable (type $p)) (export "pollable" (type (eq $p)))))
  (import "wasi:io/streams@0.2.0" (instance (type $passes-on)))
  (import "wasi:clocks/monotonic-clock@0.2.0" (instance (type $passes-on))))
