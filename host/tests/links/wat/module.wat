;; A core module.
(module (func (export "run")))
