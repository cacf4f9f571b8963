/** What a training, a network and an evaluation look like, as PNG files. */
module duet.pictures {
    requires transitive duet.engine;
    requires java.desktop;
    requires org.knowm.xchart;

    exports duet.pictures;
}
