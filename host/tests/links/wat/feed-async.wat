;; Exports as an async function what others import as a plain one.
(component
  (core module $m
    (memory (export "memory") 1)
    (func (export "next") (result i32) unreachable)
  )
  (core instance $i (instantiate $m))
  (type $next (func async (result string)))
  (func $next (type $next) (canon lift (core func $i "next") (memory (core memory $i "memory"))))
  (instance $feed (export "next" (func $next)))
  (export "demo:feed/feed@1.0.0" (instance $feed)))
