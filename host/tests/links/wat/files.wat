;; Exports an interface with a resource.
(component
  (core module $m (func (export "open") (result i32) i32.const 7))
  (core instance $i (instantiate $m))
  (type $file (resource (rep i32)))
  (func $open (result (own $file)) (canon lift (core func $i "open")))
  (component $shape
    (import "file" (type $file (sub resource)))
    (import "open" (func $open (result (own $file))))
    (export $exported "file" (type $file))
    (export "open" (func $open) (func (result (own $exported)))))
  (instance $files (instantiate $shape (with "file" (type $file)) (with "open" (func $open))))
  (export "demo:files/files@1.0.0" (instance $files)))
