/* Runs a sketch once and prints how often the LED was switched on. */
#include <Arduino.h>

#include SKETCH

Console Serial;
static int pin_mode = -1, blinks = 0;

void pinMode(uint8_t, uint8_t mode) { pin_mode = mode; }
void digitalWrite(uint8_t, uint8_t level) { blinks += pin_mode == OUTPUT && level == HIGH; }
void delay(unsigned long) {}
unsigned long micros() { return 0; }

int main()
{
    setup();
    loop();
    std::printf("%d blinks\n", blinks);
    return 0;
}
