"""The C headers that are copied beside a generated file."""
