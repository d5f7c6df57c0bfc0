#include "tiny.h"

#ifndef MICRONET_STEP
#define MICRONET_STEP(i)
#endif

#ifdef MICRONET_STEP_NAMES
extern const char *const tiny_step_names[];
extern const int tiny_steps;
const char *const tiny_step_names[] = {"stem/conv pointwise", "pool mean", "classifier/linear linear"};
const int tiny_steps = 3;
#endif

static const int8_t c0_stem_conv_weights[8][3] = {
    {1, -2, 3}, {-4, 5, 6}, {7, 8, -9}, {1, 1, 1}, {-2, 3, -4}, {5, -6, 7}, {9, 9, 9}, {-1, 0, 1},
};
static const int8_t c1_classifier_linear_weights[20][8] = {
    {-60, -96, 2, -68, 125, 102, 113, 66},
    {-21, -80, 121, -114, 71, 93, -127, 100},
    {8, -11, -76, 34, -113, -117, -115, -124},
    {67, -18, 88, -114, -15, 96, 125, -9},
    {48, -10, -16, 107, 20, -117, 85, -77},
    {-33, 23, -67, 42, 88, -31, 27, 17},
    {127, 73, -111, 117, -4, 78, 84, -40},
    {59, 63, -84, 96, -73, -45, 73, 61},
    {122, -113, 112, -106, 29, 73, -41, -42},
    {-12, -122, -26, -10, 79, 48, 52, 107},
    {9, -126, 68, -62, -23, 90, -100, 118},
    {58, -26, 83, 120, 54, 84, 49, -128},
    {41, 106, -114, -11, -38, -36, -82, 2},
    {-112, -92, -86, -120, 103, -121, 15, -1},
    {9, -72, -34, 48, 20, -93, -43, -47},
    {2, -42, 11, 22, 104, 36, 126, 114},
    {-70, -116, 31, 69, 47, 87, -32, 4},
    {-73, 1, -21, 93, -118, -13, -119, 75},
    {-54, -110, -46, 100, 90, -16, 102, -14},
    {-113, 74, 36, 90, -98, 24, -64, -20},
};
static const int8_t c2_stem_square_table[64] = {
    0, 0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 9, 10, 12, 14,
    16, 18, 20, 22, 25, 27, 30, 33, 36, 39, 42, 45, 49, 52, 56, 60,
    -64, -60, -56, -52, -49, -45, -42, -39, -36, -33, -30, -27, -25, -22, -20, -18,
    -16, -14, -12, -10, -9, -7, -6, -5, -4, -3, -2, -1, -1, 0, 0, 0,
};

static int8_t limited(int32_t value)
{
    return (int8_t)(value < -128 ? -128 : value > 127 ? 127 : value);
}

void tiny_run(const int8_t *image, int8_t *scores, void *arena)
{
    int8_t *map = arena;
    int32_t *sums = (int32_t *)((int8_t *)arena + 448); /* behind 64 pixels of 7 channels */
    int32_t inner[8] = {0};
    MICRONET_STEP(0)
    for (int p = 0; p < 64; p++)
        for (int c = 0; c < 7; c++) {
            int32_t sum = 0;
            for (int k = 0; k < 3; k++)
                sum += c0_stem_conv_weights[c][k] * image[3 * p + k];
            map[7 * p + c] = c2_stem_square_table[sum >> 4 & 63];
        }
    MICRONET_STEP(1)
    for (int c = 0; c < 7; c++) {
        sums[c] = 0;
        for (int p = 0; p < 64; p++)
            sums[c] += map[7 * p + c];
        inner[c] = sums[c] >> 3;
    }
    MICRONET_STEP(2)
    for (int o = 0; o < TINY_OUTPUTS; o++) {
        int32_t sum = 0;
        for (int k = 0; k < 8; k++)
            sum += c1_classifier_linear_weights[o][k] * inner[k];
        scores[o] = limited(sum >> 7);
    }
}

int tiny_argmax(const int8_t *scores)
{
    int best = 0;
    for (int o = 1; o < TINY_OUTPUTS; o++)
        if (scores[o] > scores[best])
            best = o;
    return best;
}
