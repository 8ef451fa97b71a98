;; Exports two compatible versions of the directory: the later one has more.
(component
  (core module $m (func (export "count") (result i64) i64.const 2))
  (core instance $i (instantiate $m))
  (func $count (result u64) (canon lift (core func $i "count")))
  (instance $first (export "count" (func $count)))
  (export "demo:users/directory@0.1.0" (instance $first))
  (instance $later (export "count" (func $count)) (export "oldest" (func $count)))
  (export "demo:users/directory@0.1.5" (instance $later)))
