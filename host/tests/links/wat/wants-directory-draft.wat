;; Imports version 0.1.0-draft of the directory.
(component
  (import "demo:users/directory@0.1.0-draft" (instance
    (export "count" (func (result u64))))))
