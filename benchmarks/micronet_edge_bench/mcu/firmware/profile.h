/* Makes each step of NAME.c report itself to measure.c. */
void micronet_step(int step);
#define MICRONET_STEP(step) micronet_step(step);
#define MICRONET_STEP_NAMES
