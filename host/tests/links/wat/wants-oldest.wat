;; Imports what only the later version of the directory has.
(component
  (import "demo:users/directory@0.1.5" (instance
    (export "oldest" (func (result u64))))))
