/* Classifies one image and prints its label.

   SPDX-License-Identifier: MIT. Copyright (c) The micronet-edge authors. */
#define M0_DIGITS_INT8_LABELS /* for m0_digits_int8_labels */
#include "m0-digits-int8.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static int8_t image[M0_DIGITS_INT8_INPUT_BYTES];
static int8_t scores[M0_DIGITS_INT8_OUTPUTS];
static uint8_t arena[M0_DIGITS_INT8_ARENA_BYTES] __attribute__((aligned(16)));

/* Yours: the pixels of a camera, row by row, red, green, blue, each less 128. Here: a file that image.py wrote. */
static int read_image(void)
{
    const int file = open("image.bin", O_RDONLY);
    return file >= 0 && read(file, image, sizeof image) == (int)sizeof image;
}

int main(void)
{
    if (!read_image()) {
        printf("image.bin is missing or too short: write it with image.py\n");
        return 1;
    }
    m0_digits_int8_run(image, scores, arena);
    const int best = m0_digits_int8_argmax(scores);
    const float score = M0_DIGITS_INT8_OUTPUT_SCALE * (float)(scores[best] - M0_DIGITS_INT8_OUTPUT_ZERO_POINT);
    printf("%s (score %d.%d)\n", m0_digits_int8_labels[best], (int)score, (int)(10 * score) % 10);
    return 0;
}
