;; Imports four functions of the directory.
(component
  (import "demo:users/directory@0.1.0" (instance
    (export "count" (func (result u64)))
    (export "exists" (func (param "id" u64) (result bool)))
    (export "rename" (func (param "id" u64) (param "name" string) (result (result (error string)))))
    (export "remove" (func (param "ids" (list u64)))))))
