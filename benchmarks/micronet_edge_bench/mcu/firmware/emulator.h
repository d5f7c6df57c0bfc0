/* What measure.c needs of the emulator in place of a board: an instruction counter and a console. */
#ifndef EMULATOR_H
#define EMULATOR_H

#include <stdint.h>

uint32_t emulator_instructions(void);
void emulator_interrupts(int on);
void emulator_put(char letter);

#define MICRONET_START()
#define MICRONET_COUNT() emulator_instructions()
#define MICRONET_INTERRUPTS(on) emulator_interrupts(on)
#define MICRONET_PUT(letter) emulator_put(letter)
#define MICRONET_PAUSE() return 0
#define MICRONET_UNIT "instructions"
#define MICRONET_CLOCK_HZ 0
#define MICRONET_STACK_BYTES 49152
#ifndef MICRONET_RUNS
#define MICRONET_RUNS 1 /* the count repeats */
#endif

#endif
