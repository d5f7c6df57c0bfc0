/* Stands in for the core of a board: what the sketch calls, on this machine. */
#ifndef ARDUINO_H
#define ARDUINO_H

#include <cstdint>
#include <cstdio>

#define LED_BUILTIN 13
#define HIGH 1
#define LOW 0
#define OUTPUT 1

struct Console {
    void begin(unsigned long) {}
    void print(const char *text) { std::fputs(text, stdout); }
    void print(unsigned long number) { std::printf("%lu", number); }
    void println(const char *text) { std::puts(text); }
};

extern Console Serial;

void pinMode(uint8_t pin, uint8_t mode);
void digitalWrite(uint8_t pin, uint8_t level);
void delay(unsigned long ms);
unsigned long micros();

#endif
