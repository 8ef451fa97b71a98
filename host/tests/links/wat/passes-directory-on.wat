;; Imports the directory and exports it: something put between two others.
(component
  (import "demo:users/directory@0.1.0" (instance $inner
    (export "count" (func (result u64)))))
  (core func $inner (canon lower (func $inner "count")))
  (core module $m
    (import "inner" "count" (func $inner (result i64)))
    (export "count" (func $inner)))
  (core instance $i (instantiate $m (with "inner" (instance (export "count" (func $inner))))))
  (func $count (result u64) (canon lift (core func $i "count")))
  (instance $directory (export "count" (func $count)))
  (export "demo:users/directory@0.1.0" (instance $directory)))
