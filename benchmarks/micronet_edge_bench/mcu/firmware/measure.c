/* Measures a network on a microcontroller and prints a report that `micronet-edge bench` reads.

       micronet-edge bench NAME.c --device mcu://serial:/dev/ttyACM0

   1. Add this file, NAME.c and the kernels to a project that sets up the clock and printf.
   2. Name your network below, or with -DNETWORK, -DNETWORK_CAPITALS and -include NAME.h.
   3. Where printf does not reach the serial line, define MICRONET_PUT; without a DWT (Cortex-M0), MICRONET_COUNT.

   SPDX-License-Identifier: MIT. Copyright (c) The micronet-edge authors. */
#ifndef NETWORK
#define NETWORK m1
#define NETWORK_CAPITALS M1
#include "m1.h"
#endif

#include <stdint.h>
#include <string.h>

/* ---- The board: a cycle counter, a clock, a serial line */

#ifndef MICRONET_COUNT
#define CORE_DEBUG (*(volatile uint32_t *)0xE000EDFC)
#define DWT_CONTROL (*(volatile uint32_t *)0xE0001000)
#define DWT_CYCLES (*(volatile uint32_t *)0xE0001004)
#define DWT_UNLOCK (*(volatile uint32_t *)0xE0001FB0) /* a Cortex-M7 wants it */
#define MICRONET_START() (CORE_DEBUG |= 1u << 24, DWT_UNLOCK = 0xC5ACCE55u, DWT_CYCLES = 0, DWT_CONTROL |= 1u)
#define MICRONET_COUNT() DWT_CYCLES
#endif
#ifndef MICRONET_START
#define MICRONET_START() /* what a counter of your own needs once */
#endif
#ifndef MICRONET_UNIT
#define MICRONET_UNIT "cycles"
#endif
#ifndef MICRONET_PUT
#include <stdio.h>
#define MICRONET_PUT(letter) putchar(letter)
#endif
#ifndef MICRONET_CLOCK_HZ
#define MICRONET_CLOCK_HZ 0 /* of the core, so that cycles become a time; 0: unknown */
#endif
#ifndef MICRONET_INTERRUPTS
#define MICRONET_INTERRUPTS(on) /* around the run that measures the stack */
#endif
#ifndef MICRONET_STACK_BYTES
#define MICRONET_STACK_BYTES 0 /* of free stack to paint, to see how much a run takes; 0: not measured */
#endif
#ifndef MICRONET_RUNS
#define MICRONET_RUNS 10
#endif
#ifndef MICRONET_PAUSE
#define MICRONET_PAUSE() for (volatile uint32_t wait = 0; wait < 20000000u; wait++)
#endif

/* ---- The network */

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define TEXT_(a) #a
#define TEXT(a) TEXT_(a)
#define OF(what) JOIN(NETWORK_CAPITALS, what)

#define VALUES (OF(_INPUT_HEIGHT) * OF(_INPUT_WIDTH) * OF(_INPUT_CHANNELS))
#define IS_FLOAT (OF(_INPUT_BYTES) == 4 * VALUES)
#define MOST_SCORE_BYTES (4 * OF(_OUTPUTS))
#define GUARD_BYTES 64
#define UNTOUCHED 0xA5

/* Unions, so that they can hold any type of value and are aligned for each. */
static union {
    uint8_t bytes[OF(_INPUT_BYTES)];
    float values[OF(_INPUT_BYTES) / 4 + 1];
} image;
static union {
    uint8_t bytes[MOST_SCORE_BYTES];
    float values[OF(_OUTPUTS)];
} scores;
static uint8_t arena[OF(_ARENA_BYTES) + GUARD_BYTES] __attribute__((aligned(16)));

/* The same image everywhere: the scores of every board must agree. */
static void fill_image(void)
{
    uint32_t state = 12345;
    for (uint32_t i = 0; i < (uint32_t)VALUES; i++) {
        state = state * 1664525u + 1013904223u;
        if (IS_FLOAT)
            image.values[i] = (float)(state >> 24) / 255.0f;
        else
            image.bytes[i] = (uint8_t)(state >> 24);
    }
}

static void run(void)
{
    const void *pixels = &image;
    void *results = &scores;
    JOIN(NETWORK, _run)(pixels, results, arena);
}

/* FNV-1a of the scores. */
static uint32_t checksum(void)
{
    uint32_t hash = 2166136261u;
    for (uint32_t i = 0; i < MOST_SCORE_BYTES; i++)
        hash = (hash ^ scores.bytes[i]) * 16777619u;
    return hash;
}

static int guard_is_whole(void)
{
    for (uint32_t i = 0; i < GUARD_BYTES; i++)
        if (arena[OF(_ARENA_BYTES) + i] != UNTOUCHED)
            return 0;
    return 1;
}

/* ---- The report: lines of words, the last with their number */

static uint32_t lines;

static void put_text(const char *text)
{
    while (*text)
        MICRONET_PUT(*text++);
}

static void put_number(uint32_t number)
{
    char digits[11];
    int first = 10;
    digits[first] = '\0';
    do
        digits[--first] = (char)('0' + number % 10);
    while (number /= 10);
    put_text(digits + first);
}

static void begin_line(const char *what)
{
    put_text("micronet-edge ");
    put_text(what);
    put_text(" ");
    lines++;
}

static void put_line(const char *what, uint32_t number)
{
    begin_line(what);
    put_number(number);
    put_text("\n");
}

static void put_line_of_text(const char *what, const char *text)
{
    begin_line(what);
    put_text(text);
    put_text("\n");
}

/* ---- What each step of a run takes, in a build with -DMICRONET_PROFILE and NAME.c with profile.h included */

#ifdef MICRONET_PROFILE
#define MOST_STEPS 1024

extern const char *const JOIN(NETWORK, _step_names)[];
extern const int JOIN(NETWORK, _steps);
void micronet_step(int step);

static uint32_t taken[MOST_STEPS], started;
static int current = -1;

/* The hook's own work lies between its two readings of the counter, so no step includes it. */
void micronet_step(int step)
{
    const uint32_t now = MICRONET_COUNT();
    if (current >= 0 && current < MOST_STEPS)
        taken[current] += now - started;
    current = step;
    started = MICRONET_COUNT();
}

static void report_steps(void)
{
    if (JOIN(NETWORK, _steps) > MOST_STEPS)
        return;
    memset(taken, 0, sizeof taken);
    current = -1;
    run();
    micronet_step(-1);
    for (int step = 0; step < JOIN(NETWORK, _steps); step++) {
        begin_line("step");
        put_number(taken[step]);
        put_text(" ");
        put_text(JOIN(NETWORK, _step_names)[step]);
        put_text("\n");
    }
}
#endif

/* ---- The measurement */

static void report_runs(void)
{
    for (int i = 0; i < MICRONET_RUNS; i++) {
        const uint32_t before = MICRONET_COUNT();
        run();
        const uint32_t after = MICRONET_COUNT();
        put_line("count", after - before);
    }
    put_line("scores", checksum());
}

#if MICRONET_STACK_BYTES
/* Paints the free stack, runs, and looks how far the paint is gone. */
static void report_stack(void)
{
    volatile uint8_t *top;
    int32_t used = MICRONET_STACK_BYTES;
    __asm__ volatile("mov %0, sp" : "=r"(top));
    MICRONET_INTERRUPTS(0);
    for (int32_t i = 1; i <= MICRONET_STACK_BYTES; i++)
        top[-i] = UNTOUCHED;
    run();
    while (used > 0 && top[-used] == UNTOUCHED)
        used--;
    MICRONET_INTERRUPTS(1);
    put_line("stack", (uint32_t)used);
}
#endif

int main(void)
{
    MICRONET_START();
    fill_image();
    for (;;) { /* so that a reader who comes late gets a whole report */
        lines = 0;
        memset(&scores, 0, sizeof scores);
        memset(arena, UNTOUCHED, sizeof arena);
        put_line_of_text("network", TEXT(NETWORK));
        put_line_of_text("unit", MICRONET_UNIT);
        put_line("clock", MICRONET_CLOCK_HZ);
        put_line("arena", OF(_ARENA_BYTES));
        report_runs();
#if MICRONET_STACK_BYTES
        report_stack();
#endif
#ifdef MICRONET_PROFILE
        report_steps();
#endif
        put_line("guard", (uint32_t)guard_is_whole());
        put_line("end", lines + 1);
        MICRONET_PAUSE();
    }
}
