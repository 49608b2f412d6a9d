"""One file = one overfitting alarm: something in the course of the losses that hints at rows learned by heart."""
