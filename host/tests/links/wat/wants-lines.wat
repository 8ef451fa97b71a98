;; Imports a function that takes what another interface's resource is.
(component
  (import "demo:files/files@1.0.0" (instance $files
    (export "file" (type (sub resource)))))
  (alias export $files "file" (type $file))
  (import "demo:files/lines@1.0.0" (instance
    (alias outer 1 $file (type $outer))
    (export "file" (type $file (eq $outer)))
    (export "count" (func (param "of" (list (borrow $file))) (result u64))))))
