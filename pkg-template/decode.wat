;; Reads back the bytes of failsoft_bg.wasm from the literal that xtask/src/package/literal.rs writes. A loop in JavaScript
;; would run before the engine has compiled it, and make the first use half as long again (`cargo xtask bench first-use`).
(module
  ;; 4 pages of 64 KiB. The build checks that the literal fits.
  (memory (export "memory") 4)
  ;; Decodes the first `length` bytes of the memory in place, and returns the number of bytes that they stand for.
  (func (export "decode") (param $length i32) (result i32)
    (local $from i32) (local $to i32) (local $code i32) (local $shift i32)
    (loop $next
      (local.set $code (i32.load8_u (local.get $from)))
      (local.set $from (i32.add (local.get $from) (i32.const 1)))
      (if (i32.eq (local.get $code) (i32.const 127))
        (then
          (local.set $shift (i32.add (local.get $shift) (i32.const 127))))
        (else
          (i32.store8 (local.get $to) (i32.add (local.get $code) (local.get $shift)))
          (local.set $to (i32.add (local.get $to) (i32.const 1)))
          (local.set $shift (i32.const 0))))
      (br_if $next (i32.lt_u (local.get $from) (local.get $length))))
    (local.get $to)))
