"""What HTTP makes of the product: bodies in, bodies out, refusals. Settings name these classes; no app imports them."""
