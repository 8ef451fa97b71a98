;; Exports as a plain function what others import as an async one.
(component
  (core module $m
    (memory (export "memory") 1)
    (func (export "next") (result i32) unreachable)
  )
  (core instance $i (instantiate $m))
  (func $next (result string) (canon lift (core func $i "next") (memory (core memory $i "memory"))))
  (instance $feed (export "next" (func $next)))
  (export "demo:feed/feed@1.0.0" (instance $feed)))
