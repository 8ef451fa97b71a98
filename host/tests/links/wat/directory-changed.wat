;; Has `count` as others do, `exists` and `rename` otherwise, and no `remove`.
(component
  (core module $m
    (memory (export "memory") 1)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) i32.const 0)
    (func (export "count") (result i64) i64.const 2)
    (func (export "exists") (param i32 i32) (result i32) i32.const 1)
    (func (export "rename") (param i64 i32 i32) (result i32) i32.const 0))
  (core instance $i (instantiate $m))
  (func $count (result u64) (canon lift (core func $i "count")))
  (func $exists (param "name" string) (result bool)
    (canon lift (core func $i "exists") (memory (core memory $i "memory")) (realloc (core func $i "realloc"))))
  (func $rename (param "id" u64) (param "name" string) (result (option (tuple u8 char)))
    (canon lift (core func $i "rename") (memory (core memory $i "memory")) (realloc (core func $i "realloc"))))
  (instance $directory
    (export "count" (func $count)) (export "exists" (func $exists)) (export "rename" (func $rename)))
  (export "demo:users/directory@0.1.0" (instance $directory)))
