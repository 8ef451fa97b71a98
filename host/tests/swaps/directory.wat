;; A directory in which everybody is called NAMES.
(component
  (type $user (record (field "id" u64) (field "name" string)))
  (type $error (variant (case "unavailable" string)))
  (core module $m
    (memory (export "memory") 1)
    ;; ok(some(user)): the user's id is stored with each call, and its name is
    ;; five bytes at 64.
    (data (i32.const 8) "\01")
    (data (i32.const 24) "\40\00\00\00\05\00\00\00")
    (data (i32.const 64) "NAMES")
    (func (export "get-user") (param i64) (result i32)
      (i64.store (i32.const 16) (local.get 0))
      i32.const 0)
    ;; ok(true)
    (data (i32.const 132) "\01")
    (func (export "admit") (param i64) (result i32)
      i32.const 128))
  (core instance $i (instantiate $m))
  (func $get-user (param "id" u64) (result (result (option $user) (error $error)))
    (canon lift (core func $i "get-user") (memory (core memory $i "memory"))))
  (func $admit (param "id" u64) (result (result bool (error $error)))
    (canon lift (core func $i "admit") (memory (core memory $i "memory"))))
  (instance $directory
    (export "user" (type $user)) (export "directory-error" (type $error)) (export "get-user" (func $get-user))
    (export "admit" (func $admit)))
  (export "shop:users/directory@0.1.0" (instance $directory)))
