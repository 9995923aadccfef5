;; Reads back the bytes of failsoft_bg.wasm from the literal that xtask/src/package/literal.rs writes, with the streams of
;; xtask/src/package/streams.rs. A loop in JavaScript would run before the engine has compiled it, and make the first use
;; half as long again (`cargo xtask bench first-use`).
;;
;;   address   contents
;;   0         for each stream, the address of its next character
;;   0x10      what follows an instruction, by its first byte
;;   0x140     the byte that a character stands for, by the character, then the bytes of two characters
;;   0x400     the WebAssembly. The build checks that it fits, and the literal, too
;;   0x40000   the literal
(module
  (memory (export "memory") 8)
  ;; The first stream is behind the tables of the literal, so its address is right as soon as they are read.
  (data (i32.const 0) "\00\00\04")
  ;; The end of the WebAssembly.
  (global $end (mut i32) (i32.const 0x400))
  ;; The number of blocks around the next instruction. The function itself is one.
  (global $depth (mut i32) (i32.const 0))
  ;; The bits of a character: 3 for the count of numbers in the first stream, 12 for the stream of one more number, 64 if
  ;; the instruction is a special one.
  (data (i32.const 0x10)
    "00AAA000000@11@0"    ;; 0x00: block, loop, if, end, br, br_if, br_table
    "1200000000000000"    ;; 0x10: call, call_indirect
    "<<<1100044444444"    ;; 0x20: local.get, local.set, local.tee, global.get, global.set, loads
    "4444444444444441"    ;; 0x30: loads, stores, memory.size
    "181@@")              ;; 0x40: memory.grow, i32.const, i64.const, f32.const, f64.const
  (data (i32.const 0x10C)
    "@")                  ;; 0xFC: operations on memory, conversions

  ;; Reads a number of $count digits with 5 bits each.
  (func $digits (param $count i32) (result i32)
    (local $from i32) (local $number i32)
    (loop $next
      (local.set $from (i32.load (i32.const 0)))
      (local.set $number (i32.or
        (i32.shl (local.get $number) (i32.const 5))
        (i32.sub (i32.load8_u (local.get $from)) (i32.const 35))))
      (i32.store (i32.const 0) (i32.add (local.get $from) (i32.const 1)))
      (br_if $next (local.tee $count (i32.sub (local.get $count) (i32.const 1)))))
    (local.get $number))

  ;; Reads the beginning of the literal: for each byte whether one character stands for the byte, then the addresses.
  (func $read_tables
    (local $byte i32) (local $bits i32) (local $single i32) (local $other i32)
    (local.set $single (i32.const 0x165))
    (local.set $other (i32.const 0x1C0))
    (loop $next
      (if (i32.eqz (i32.and (local.get $byte) (i32.const 3)))
        (then (local.set $bits (call $digits (i32.const 1)))))
      (if (i32.and (local.get $bits) (i32.const 1))
        (then
          (i32.store8 (local.get $single) (local.get $byte))
          ;; There is no backslash in the literal.
          (local.set $single (i32.add
            (i32.add (local.get $single) (i32.const 1))
            (i32.eq (local.get $single) (i32.const 0x19B)))))
        (else
          (i32.store8 (local.get $other) (local.get $byte))
          (local.set $other (i32.add (local.get $other) (i32.const 1)))))
      (local.set $bits (i32.shr_u (local.get $bits) (i32.const 1)))
      (local.set $byte (i32.add (local.get $byte) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $byte) (i32.const 256))))
    (i32.store (i32.const 4) (call $digits (i32.const 4)))
    (i32.store (i32.const 8) (call $digits (i32.const 4)))
    (i32.store (i32.const 12) (call $digits (i32.const 4))))

  ;; Copies a byte of a stream, and returns the byte.
  (func $byte (param $stream i32) (result i32)
    (local $from i32) (local $code i32) (local $second i32)
    (local.set $from (i32.load (local.get $stream)))
    (local.set $code (i32.load8_u (local.get $from)))
    ;; The first of two characters
    (if (i32.lt_u (local.get $code) (i32.const 37))
      (then
        (local.set $from (i32.add (local.get $from) (i32.const 1)))
        (local.set $second (i32.load8_u (local.get $from)))
        (local.set $code (i32.add
          (i32.sub (local.get $second) (i32.gt_u (local.get $second) (i32.const 92)))
          (i32.sub (i32.mul (local.get $code) (i32.const 89)) (i32.const 3024))))))
    (local.set $code (i32.load8_u offset=0x140 (local.get $code)))
    (i32.store (local.get $stream) (i32.add (local.get $from) (i32.const 1)))
    (i32.store8 (global.get $end) (local.get $code))
    (global.set $end (i32.add (global.get $end) (i32.const 1)))
    (local.get $code))

  ;; Copies a number in LEB128, and returns the number.
  (func $number (param $stream i32) (result i32)
    (local $byte i32) (local $shift i32) (local $number i32)
    (loop $more
      (local.set $byte (call $byte (local.get $stream)))
      (local.set $number (i32.or (local.get $number)
        (i32.shl (i32.and (local.get $byte) (i32.const 127)) (local.get $shift))))
      (local.set $shift (i32.add (local.get $shift) (i32.const 7)))
      (br_if $more (i32.gt_u (local.get $byte) (i32.const 127))))
    (local.get $number))

  ;; Copies $count numbers of the first stream.
  (func $numbers (param $count i32)
    (loop $more
      (if (local.get $count)
        (then
          (drop (call $number (i32.const 0)))
          (local.set $count (i32.sub (local.get $count) (i32.const 1)))
          (br $more)))))

  ;; Copies $count bytes of the first stream.
  (func $bytes (param $count i32)
    (loop $more
      (if (local.get $count)
        (then
          (drop (call $byte (i32.const 0)))
          (local.set $count (i32.sub (local.get $count) (i32.const 1)))
          (br $more)))))

  (func $instruction
    (local $code i32) (local $follows i32)
    (local.set $code (call $byte (i32.const 0)))
    (local.set $follows (i32.load8_u offset=0x10 (local.get $code)))
    (if (i32.and (local.get $follows) (i32.const 12))
      (then
        ;; A load or store: the alignment, which is only a hint. The least is true of every address.
        (if (i32.eq (local.get $follows) (i32.const 0x34))
          (then (call $zero)))
        (drop (call $number (i32.and (local.get $follows) (i32.const 12))))
        (return)))
    (call $numbers (i32.and (local.get $follows) (i32.const 3)))
    (if (i32.and (local.get $follows) (i32.const 64))
      (then (call $special (local.get $code)))))

  (func $zero
    (i32.store8 (global.get $end) (i32.const 0))
    (global.set $end (i32.add (global.get $end) (i32.const 1))))

  (func $special (param $code i32)
    ;; block, loop, if
    (if (i32.lt_u (local.get $code) (i32.const 0x05))
      (then (global.set $depth (i32.add (global.get $depth) (i32.const 1)))))
    ;; end
    (if (i32.eq (local.get $code) (i32.const 0x0B))
      (then (global.set $depth (i32.sub (global.get $depth) (i32.const 1)))))
    ;; br_table
    (if (i32.eq (local.get $code) (i32.const 0x0E))
      (then (call $numbers (i32.add (call $number (i32.const 0)) (i32.const 1)))))
    ;; f32.const, f64.const
    (if (i32.eq (local.get $code) (i32.const 0x43))
      (then (call $bytes (i32.const 4))))
    (if (i32.eq (local.get $code) (i32.const 0x44))
      (then (call $bytes (i32.const 8))))
    ;; 10 is memory.copy, with two numbers; 11 is memory.fill, with one.
    (if (i32.eq (local.get $code) (i32.const 0xFC))
      (then
        (local.set $code (call $number (i32.const 0)))
        (if (i32.ge_u (local.get $code) (i32.const 10))
          (then (call $numbers (i32.sub (i32.const 12) (local.get $code))))))))

  ;; Leaves room for a size, and returns the address of the room.
  (func $begin (result i32)
    (global.set $end (i32.add (global.get $end) (i32.const 3)))
    (i32.sub (global.get $end) (i32.const 3)))

  ;; Writes the number of bytes since $begin returned $to, as three bytes of LEB128.
  (func $finish (param $to i32)
    (local $size i32)
    (local.set $size (i32.sub (i32.sub (global.get $end) (local.get $to)) (i32.const 3)))
    (i32.store8 (local.get $to) (i32.or (local.get $size) (i32.const 128)))
    (i32.store8 offset=1 (local.get $to) (i32.or (i32.shr_u (local.get $size) (i32.const 7)) (i32.const 128)))
    (i32.store8 offset=2 (local.get $to) (i32.shr_u (local.get $size) (i32.const 14))))

  ;; Copies the functions: the types of the variables of each, and its instructions.
  (func $functions
    (local $count i32) (local $section i32) (local $function i32)
    (local.set $section (call $begin))
    (local.set $count (call $number (i32.const 0)))
    (loop $next
      (local.set $function (call $begin))
      (call $numbers (i32.shl (call $number (i32.const 0)) (i32.const 1)))
      (global.set $depth (i32.const 1))
      (loop $more
        (call $instruction)
        (br_if $more (global.get $depth)))
      (call $finish (local.get $function))
      (br_if $next (local.tee $count (i32.sub (local.get $count) (i32.const 1)))))
    (call $finish (local.get $section)))

  ;; Writes the WebAssembly, and returns the number of its bytes.
  (func (export "decode") (result i32)
    (local $last i32)
    (call $read_tables)
    (local.set $last (i32.load (i32.const 4)))
    (call $bytes (i32.const 8))
    (loop $next
      ;; The section with the functions
      (if (i32.eq (call $byte (i32.const 0)) (i32.const 10))
        (then (call $functions))
        (else (call $bytes (call $number (i32.const 0)))))
      (br_if $next (i32.lt_u (i32.load (i32.const 0)) (local.get $last))))
    (i32.sub (global.get $end) (i32.const 0x400))))
