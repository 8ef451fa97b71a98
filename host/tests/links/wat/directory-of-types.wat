;; Exports an interface whose record is declared in another, which is imported.
(component
  (type $user (record (field "id" u64)))
  (import "demo:users/types@0.1.0" (instance $types
    (alias outer 1 $user (type $record))
    (export "user" (type (eq $record)))))
  (alias export $types "user" (type $imported))
  (core module $m (func (export "find") (param i64) (result i64) local.get 0))
  (core instance $i (instantiate $m))
  (func $find (param "like" $imported) (result $imported) (canon lift (core func $i "find")))
  (component $shape
    (import "user" (type $user (eq $imported)))
    (import "find" (func $find (param "like" $user) (result $user)))
    (export $exported "user" (type $user))
    (export "find" (func $find) (func (param "like" $exported) (result $exported))))
  (instance $directory (instantiate $shape (with "user" (type $imported)) (with "find" (func $find))))
  (export "demo:users/directory@0.1.0" (instance $directory)))
