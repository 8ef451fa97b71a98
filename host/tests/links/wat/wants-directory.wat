;; Imports version 0.1.0 of the directory.
(component
  (import "demo:users/directory@0.1.0" (instance
    (export "count" (func (result u64))))))
