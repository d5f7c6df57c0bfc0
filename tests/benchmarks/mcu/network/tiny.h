/* A network as the C target writes one, by hand and in plain C: what the bench of microcontrollers needs. */
#ifndef TINY_H
#define TINY_H

#include <stdint.h>

#define TINY_INPUT_HEIGHT 8
#define TINY_INPUT_WIDTH 8
#define TINY_INPUT_CHANNELS 3
#define TINY_INPUT_BYTES 192
#define TINY_OUTPUTS 20
#define TINY_ARENA_BYTES 512
#define TINY_OUTPUT_SCALE 0.05f
#define TINY_OUTPUT_ZERO_POINT 0

void tiny_run(const int8_t *image, int8_t *scores, void *arena);
int tiny_argmax(const int8_t *scores);

#endif
