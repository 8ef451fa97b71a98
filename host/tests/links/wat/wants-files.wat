;; Imports an interface with a resource.
(component
  (import "demo:files/files@1.0.0" (instance
    (export "file" (type $file (sub resource)))
    (export "open" (func (result (own $file)))))))
