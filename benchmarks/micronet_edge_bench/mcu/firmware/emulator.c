/* Starts a Cortex-M under qemu, counts instructions, and ends the emulator on a fault or an endless loop.

   With `-icount shift=0` qemu takes 1 ns of its virtual time for an instruction. SysTick runs on that time, so
   it counts instructions, 1000 / EMULATOR_MHZ to a tick. These are no cycles: qemu knows none.

   Output and exit are semihosting calls: `bkpt 0xab` with the operation in r0 and its argument in r1.

   SPDX-License-Identifier: MIT. Copyright (c) The micronet-edge authors. */
#include "emulator.h"

#include <stdlib.h>

#define SYS_WRITEC 0x03
#define SYS_EXIT_EXTENDED 0x20
#define APPLICATION_EXIT 0x20026u

#define SYSTICK_CONTROL (*(volatile uint32_t *)0xE000E010)
#define SYSTICK_RELOAD (*(volatile uint32_t *)0xE000E014)
#define SYSTICK_VALUE (*(volatile uint32_t *)0xE000E018)
#define FAULT_STATUS (*(volatile uint32_t *)0xE000ED28)
#define BUS_FAULT_ADDRESS (*(volatile uint32_t *)0xE000ED38)
#define COPROCESSOR_ACCESS (*(volatile uint32_t *)0xE000ED88)

#define SYSTICK_BITS 24
#define SYSTICK_LAST ((1u << SYSTICK_BITS) - 1)
#define SYSTICK_RUNS 5u /* enabled, on the processor's clock */
#define SYSTICK_INTERRUPTS 2u

#define EXIT_FAULT 70
#define EXIT_ENDLESS 71

extern uint32_t stack_bottom[], stack_top[], bss_start[], bss_end[];
extern int main(void);
extern void initialise_monitor_handles(void);
void _init(void);
void _fini(void);

static volatile uint32_t wraps;

static int semihosting(int operation, const void *argument)
{
    register int r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

void emulator_put(char letter)
{
    semihosting(SYS_WRITEC, &letter);
}

static void put_text(const char *text)
{
    while (*text)
        emulator_put(*text++);
}

static void put_hex(const char *label, uint32_t value)
{
    put_text(label);
    for (int shift = 28; shift >= 0; shift -= 4)
        emulator_put("0123456789abcdef"[value >> shift & 15]);
}

static void end_emulator(uint32_t status)
{
    const uint32_t reason[2] = {APPLICATION_EXIT, status};
    semihosting(SYS_EXIT_EXTENDED, reason);
    for (;;)
        ;
}

uint32_t emulator_instructions(void)
{
    uint32_t before, value, after;
    do { /* again where the counter wrapped in between */
        before = wraps;
        value = SYSTICK_VALUE;
        after = wraps;
    } while (before != after);
    const uint32_t ticks = (before << SYSTICK_BITS) + (SYSTICK_LAST - value);
    return ticks * (1000 / EMULATOR_MHZ) + ticks * (1000 % EMULATOR_MHZ) / EMULATOR_MHZ; /* in 32 bits: fast */
}

void emulator_interrupts(int on)
{
    SYSTICK_CONTROL = on ? SYSTICK_RUNS | SYSTICK_INTERRUPTS : SYSTICK_RUNS;
}

static void count_wrap(void)
{
    wraps++;
    if ((uint64_t)wraps << SYSTICK_BITS > (uint64_t)EMULATOR_MOST_INSTRUCTIONS / 1000 * EMULATOR_MHZ) {
        put_text("\nmicronet-edge endless\n");
        end_emulator(EXIT_ENDLESS);
    }
}

__attribute__((used)) static void report_fault(const uint32_t *frame)
{
    if (frame < stack_bottom || frame >= stack_top) {
        put_text("\nmicronet-edge overflow\n");
    } else {
        put_hex("\nmicronet-edge fault ", FAULT_STATUS);
        put_hex(" ", BUS_FAULT_ADDRESS);
        put_hex(" ", frame[6]); /* pc */
        put_hex(" ", frame[5]); /* lr, for a jump that left the program */
        put_text("\n");
    }
    end_emulator(EXIT_FAULT);
}

/* Takes the address of the registers that the fault saved, and a fresh stack. */
__attribute__((naked)) static void fault(void)
{
    __asm__ volatile("mrs r0, msp\n ldr r1, =stack_top\n msr msp, r1\n b report_fault");
}

__attribute__((used)) void reset(void)
{
    COPROCESSOR_ACCESS |= 0xFu << 20; /* FPU, and MVE where there is one */
    __asm__ volatile("dsb\n isb");
    for (uint32_t *word = bss_start; word < bss_end; word++)
        *word = 0;
    SYSTICK_RELOAD = SYSTICK_LAST;
    SYSTICK_VALUE = 0;
    emulator_interrupts(1);
    while (SYSTICK_VALUE == 0) /* until it has loaded its first value */
        ;
    initialise_monitor_handles(); /* newlib's printf */
    exit(main());
}

/* newlib calls these; there is nothing to do. */
void _init(void)
{
}

void _fini(void)
{
}

typedef struct {
    uint32_t *stack;
    void (*handlers[15])(void);
} vector_table;

__attribute__((section(".vectors"), used)) static const vector_table vectors = {
    stack_top,
    {reset, fault, fault, fault, fault, fault, fault, 0, 0, 0, fault, fault, 0, fault, count_wrap},
};
