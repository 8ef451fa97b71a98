;; Imports version 0.1.5 of the directory.
(component
  (import "demo:users/directory@0.1.5" (instance
    (export "count" (func (result u64))))))
