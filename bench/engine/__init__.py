"""The measuring engine: experiments run in workers, which check and time variants and measure their memory."""
