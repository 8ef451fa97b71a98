;; Imports a function of no interface.
(component
  (import "log" (func (param "line" string))))
