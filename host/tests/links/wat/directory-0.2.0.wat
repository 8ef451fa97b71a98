;; Exports version 0.2.0 of the directory.
(component
  (core module $m (func (export "count") (result i64) i64.const 2))
  (core instance $i (instantiate $m))
  (func $count (result u64) (canon lift (core func $i "count")))
  (instance $directory (export "count" (func $count)))
  (export "demo:users/directory@0.2.0" (instance $directory)))
