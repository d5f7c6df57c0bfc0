#include "tiny.h"

#include <stdio.h>

static int8_t image[TINY_INPUT_BYTES], scores[TINY_OUTPUTS];
static uint8_t arena[TINY_ARENA_BYTES] __attribute__((aligned(16)));
static const int8_t expected[TINY_OUTPUTS] = {14, -5, -6, 30, 10, -15, -52, -9, 0, 1, -2,
                                              -18, -38, 32, -3, 7, -9, -10, 8, 1};

int main(void)
{
    for (int i = 0; i < TINY_INPUT_BYTES; i++)
        image[i] = (int8_t)(7 * i % 256 - 128);
    tiny_run(image, scores, arena);
    for (int i = 0; i < TINY_OUTPUTS; i++)
        if (scores[i] != expected[i]) {
            printf("FAIL score %d: %d, expected %d\n", i, scores[i], expected[i]);
            return 1;
        }
    printf("PASS\n");
    return 0;
}
