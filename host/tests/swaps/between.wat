;; Imports the directory and exports it: a service between two others. MARK is
;; there to make another component of it.
(component
  (import "shop:users/directory@0.1.0" (instance $inner
    (type $user' (record (field "id" u64) (field "name" string)))
    (export "user" (type $user (eq $user')))
    (type $error' (variant (case "unavailable" string)))
    (export "directory-error" (type $error (eq $error')))
    (export "get-user" (func (param "id" u64) (result (result (option $user) (error $error)))))))
  (alias export $inner "user" (type $user))
  (alias export $inner "directory-error" (type $error))
  (core module $memory
    (memory (export "memory") 1)
    ;; The one string of an answer goes behind the answer itself.
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) i32.const 64))
  (core instance $memory (instantiate $memory))
  (core func $inner (canon lower (func $inner "get-user")
    (memory (core memory $memory "memory")) (realloc (core func $memory "realloc"))))
  (core module $m
    (import "inner" "get-user" (func $inner (param i64 i32)))
    (func (export "get-user") (param i64) (result i32)
      (call $inner (local.get 0) (i32.const 0))
      i32.const 0)
    (func (export "MARK")))
  (core instance $i (instantiate $m (with "inner" (instance (export "get-user" (func $inner))))))
  (func $get-user (param "id" u64) (result (result (option $user) (error $error)))
    (canon lift (core func $i "get-user") (memory (core memory $memory "memory"))))
  (instance $directory
    (export "user" (type $user)) (export "directory-error" (type $error)) (export "get-user" (func $get-user)))
  (export "shop:users/directory@0.1.0" (instance $directory)))
