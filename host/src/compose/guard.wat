;; Opens the buckets that it knows, and denies all others. The rest of the store
;; is given on as it is.
(component $guard
  (type $store (instance
    (type $error-cases (variant (case "no-such-store") (case "access-denied") (case "other" string)))
    (export "error" (type $error (eq $error-cases)))
    (type $key-response-fields (record (field "keys" (list string)) (field "cursor" (option u64))))
    (export "key-response" (type $key-response (eq $key-response-fields)))
    (export "bucket" (type $bucket (sub resource)))
    (export "[method]bucket.get"
      (func (param "self" (borrow $bucket)) (param "key" string) (result (result (option (list u8)) (error $error)))))
    (export "[method]bucket.set"
      (func (param "self" (borrow $bucket)) (param "key" string) (param "value" (list u8))
        (result (result (error $error)))))
    (export "[method]bucket.delete"
      (func (param "self" (borrow $bucket)) (param "key" string) (result (result (error $error)))))
    (export "[method]bucket.exists"
      (func (param "self" (borrow $bucket)) (param "key" string) (result (result bool (error $error)))))
    (export "[method]bucket.list-keys"
      (func (param "self" (borrow $bucket)) (param "cursor" (option u64))
        (result (result $key-response (error $error)))))
    (export "open" (func (param "identifier" string) (result (result (own $bucket) (error $error)))))))
  (import "wasi:keyvalue/store@0.2.0-draft" (instance $store (type $store)))
  (alias export $store "error" (type $error))
  (alias export $store "bucket" (type $bucket))
  (alias export $store "open" (func $open-any))

  (core module $memory
    (memory (export "memory") PAGES)
    (global $next (mut i32) (i32.const NAMES_END))
    ;; What a call needs lies behind the names, and is forgotten after it.
    (func (export "realloc") (param $old i32) (param $old-size i32) (param $align i32) (param $size i32) (result i32)
      (local $at i32)
      (local.set $at
        (i32.and
          (i32.add (global.get $next) (i32.sub (local.get $align) (i32.const 1)))
          (i32.sub (i32.const 0) (local.get $align))))
      (global.set $next (i32.add (local.get $at) (local.get $size)))
      (if (i32.gt_u (global.get $next) (i32.shl (memory.size) (i32.const 16)))
        (then
          (if (i32.eq (i32.const -1)
                (memory.grow (i32.add (i32.const 1) (i32.shr_u (local.get $size) (i32.const 16)))))
            (then (unreachable)))))
      (memory.copy (local.get $at) (local.get $old)
        (select (local.get $old-size) (local.get $size) (i32.lt_u (local.get $old-size) (local.get $size))))
      (local.get $at))
    (func (export "forget") (param i32)
      (global.set $next (i32.const NAMES_END))))
  (core instance $memory (instantiate $memory))
  (alias core export $memory "memory" (core memory $memory))
  (alias core export $memory "realloc" (core func $realloc))
  (alias core export $memory "forget" (core func $forget))

  (core func $open-any
    (canon lower (func $open-any) (memory $memory) (realloc $realloc)))

  (core module $guard
    (import "memory" "memory" (memory 1))
    (import "store" "open" (func $open-any (param i32 i32 i32)))
    ;; Each name with its length before it.
    (data (i32.const NAMES_BEGIN) "NAMES_DATA")

    (func (export "open") (param $name i32) (param $length i32) (result i32)
      (if (call $is-known (local.get $name) (local.get $length))
        (then (call $open-any (local.get $name) (local.get $length) (i32.const 0)))
        (else
          ;; The second case of a result is an error, the second of an error is access-denied.
          (i32.store8 (i32.const 0) (i32.const 1))
          (i32.store8 (i32.const 4) (i32.const 1))))
      (i32.const 0))

    (func $is-known (param $name i32) (param $length i32) (result i32)
      (local $known i32)
      (local $known-length i32)
      (local.set $known (i32.const NAMES_BEGIN))
      (loop $next
        (if (i32.ge_u (local.get $known) (i32.const NAMES_END))
          (then (return (i32.const 0))))
        (local.set $known-length (i32.load align=1 (local.get $known)))
        (local.set $known (i32.add (local.get $known) (i32.const 4)))
        (if (i32.eq (local.get $known-length) (local.get $length))
          (then
            (if (call $are-equal (local.get $known) (local.get $name) (local.get $length))
              (then (return (i32.const 1))))))
        (local.set $known (i32.add (local.get $known) (local.get $known-length)))
        (br $next))
      (unreachable))

    (func $are-equal (param $one i32) (param $other i32) (param $length i32) (result i32)
      (loop $next
        (if (i32.eqz (local.get $length))
          (then (return (i32.const 1))))
        (local.set $length (i32.sub (local.get $length) (i32.const 1)))
        (br_if $next
          (i32.eq
            (i32.load8_u (i32.add (local.get $one) (local.get $length)))
            (i32.load8_u (i32.add (local.get $other) (local.get $length))))))
      (i32.const 0)))
  (core instance $guard (instantiate $guard
    (with "memory" (instance $memory))
    (with "store" (instance (export "open" (func $open-any))))))

  (alias core export $guard "open" (core func $open))
  (func $open (param "identifier" string) (result (result (own $bucket) (error $error)))
    (canon lift (core func $open) (memory $memory) (realloc $realloc) (post-return $forget)))

  ;; A method can be exported only beside its resource, and of a type that names
  ;; this export: hence a component that is given them, and writes them out again.
  (component $guarded
    (import "store" (instance $store (type $store)))
    (alias export $store "error" (type $error))
    (alias export $store "key-response" (type $key-response))
    (alias export $store "bucket" (type $bucket))
    (alias export $store "[method]bucket.get" (func $get))
    (alias export $store "[method]bucket.set" (func $set))
    (alias export $store "[method]bucket.delete" (func $delete))
    (alias export $store "[method]bucket.exists" (func $exists))
    (alias export $store "[method]bucket.list-keys" (func $list-keys))
    (import "open" (func $open (param "identifier" string) (result (result (own $bucket) (error $error)))))

    (export $own-error "error" (type $error))
    (export $own-key-response "key-response" (type $key-response))
    (export $own-bucket "bucket" (type $bucket))
    (export "[method]bucket.get" (func $get)
      (func (param "self" (borrow $own-bucket)) (param "key" string)
        (result (result (option (list u8)) (error $own-error)))))
    (export "[method]bucket.set" (func $set)
      (func (param "self" (borrow $own-bucket)) (param "key" string) (param "value" (list u8))
        (result (result (error $own-error)))))
    (export "[method]bucket.delete" (func $delete)
      (func (param "self" (borrow $own-bucket)) (param "key" string) (result (result (error $own-error)))))
    (export "[method]bucket.exists" (func $exists)
      (func (param "self" (borrow $own-bucket)) (param "key" string) (result (result bool (error $own-error)))))
    (export "[method]bucket.list-keys" (func $list-keys)
      (func (param "self" (borrow $own-bucket)) (param "cursor" (option u64))
        (result (result $own-key-response (error $own-error)))))
    (export "open" (func $open)
      (func (param "identifier" string) (result (result (own $own-bucket) (error $own-error))))))
  (instance $guarded (instantiate $guarded (with "store" (instance $store)) (with "open" (func $open))))
  (export "wasi:keyvalue/store@0.2.0-draft" (instance $guarded)))
