;; Imports what WIT's `use` leaves behind: an interface of types alone, and
;; types by themselves. Nobody has to offer them.
(component
  (type $user (record (field "id" u64)))
  (import "demo:users/types@0.1.0" (instance $types
    (alias outer 1 $user (type $record))
    (export "user" (type (eq $record)))))
  (alias export $types "user" (type $imported))
  (import "user" (type (eq $imported)))
  (import "wasi:io/error@0.2.0" (instance $io (export "error" (type (sub resource)))))
  (alias export $io "error" (type $error))
  (import "error" (type (eq $error)))
  (import "demo:users/directory@0.1.0" (instance
    (alias outer 1 $imported (type $outer))
    (export "user" (type $user (eq $outer)))
    (export "find" (func (param "like" $user) (result $user))))))
