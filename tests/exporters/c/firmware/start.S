/* Start of a test program on an emulated Cortex-M: vectors, floating point and vectors on, zeroed data, main. */
        .syntax unified
        .section .vectors, "a"
        .word   __stack
        .word   Reset_Handler
        .rept   14
        .word   Fault
        .endr

        .text
        .thumb_func
        .global Reset_Handler
Reset_Handler:
        ldr     r0, =0xE000ED88         /* CPACR: full access to coprocessors 10 and 11 */
        ldr     r1, [r0]
        orr     r1, r1, #(0xF << 20)
        str     r1, [r0]
        dsb
        isb
        ldr     r0, =__bss_start__
        ldr     r1, =__bss_end__
        movs    r2, #0
1:      cmp     r0, r1
        bhs     2f
        str     r2, [r0], #4
        b       1b
2:      bl      start_program
        .thumb_func
Fault:  ldr     r0, =report_fault
        bx      r0
