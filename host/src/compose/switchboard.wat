;; Knows the routes, and hands a request to a service by its number.
(component
  (import "wasi:http/types@0.2.0" (instance $types
    (export "incoming-request" (type (sub resource)))
    (export "response-outparam" (type (sub resource)))))
  (alias export $types "incoming-request" (type $incoming-request))
  (alias export $types "response-outparam" (type $response-outparam))
  (type $handler (instance
    (export "handle" (func (param "request" (own $incoming-request)) (param "response-out" (own $response-outparam))))))
  ;; IMPORTS
  ;; LOWERED

  (core module $switch
    (type $handle (func (param i32 i32)))
    ;; TAKEN
    (memory (export "memory") PAGES)
    (data (i32.const 0) "ROUTES")
    (table funcref (elem TABLE))
    (func (export "routes") (result i32)
      (i32.const 0))
    (func (export "handle") (param $service i32) (param $request i32) (param $response-out i32)
      (call_indirect (type $handle) (local.get $request) (local.get $response-out) (local.get $service))))
  (core instance $switch (instantiate $switch (with "services" (instance
    ;; GIVEN
  ))))

  (alias core export $switch "memory" (core memory $memory))
  (alias core export $switch "routes" (core func $routes))
  (alias core export $switch "handle" (core func $handle))

  (func $routes (result (list (tuple string u32)))
    (canon lift (core func $routes) (memory $memory)))
  (func $handle
    (param "service" u32) (param "request" (own $incoming-request)) (param "response-out" (own $response-outparam))
    (canon lift (core func $handle)))
  ;; An interface exports the types that its functions name under names of its own:
  ;; hence a component that is given them, and writes them out again.
  (component $services
    (import "incoming-request" (type $incoming-request (sub resource)))
    (import "response-outparam" (type $response-outparam (sub resource)))
    (import "routes" (func $routes (result (list (tuple string u32)))))
    (import "handle" (func $handle
      (param "service" u32) (param "request" (own $incoming-request)) (param "response-out" (own $response-outparam))))

    (export $own-request "incoming-request" (type $incoming-request))
    (export $own-outparam "response-outparam" (type $response-outparam))
    (export "routes" (func $routes))
    (export "handle" (func $handle) (func
      (param "service" u32) (param "request" (own $own-request)) (param "response-out" (own $own-outparam)))))
  (instance $services (instantiate $services
    (with "incoming-request" (type $incoming-request))
    (with "response-outparam" (type $response-outparam))
    (with "routes" (func $routes))
    (with "handle" (func $handle))))
  (export "dovetail:router/services@0.1.0" (instance $services)))
